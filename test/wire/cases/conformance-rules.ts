/**
 * The rules of cispa/http-conformance, each with the exchanges that show it kept, or the reason why it is not a matter
 * of this gateway. What an upstream says in its own fields is passed on, not repaired (RFC 9110 §7.7).
 */
import { GOOD_HANDSHAKE, GOOD_SWITCH } from './upgrades.ts';

export interface RuleExchange {
  /** Of the request; absent: a good GET. */
  readonly parts?: {
    readonly method?: string;
    readonly target?: string;
    readonly version?: string;
    readonly lines?: string;
    readonly token?: null;
  };
  /** The whole request instead of `parts`. */
  readonly bytes?: string;
  /** Of the upstream; absent: a good one. */
  readonly answer?: string;
  readonly statuses: readonly number[];
  /** Must, and must not, be found in what the client receives. */
  readonly holds?: RegExp;
  readonly lacks?: RegExp;
}

const ok = (lines: string, body = '') => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;
const withField = (field: string): RuleExchange => ({
  answer: ok(`${field}\r\nContent-Length: 0\r\n`),
  statuses: [502],
});
const get = (lines: string) => `GET /public HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`;
const HOST = 'Host: wire.test\r\n';
const CONNECT: RuleExchange = { bytes: `CONNECT wire.test:443 HTTP/1.1\r\n${HOST}\r\n`, statuses: [501] };
const NO_CONTENT = /\r\n(?:content-length|transfer-encoding):/i;
const UNASKED_SWITCH: RuleExchange = { answer: GOOD_SWITCH, statuses: [502] };

export const RULES: Readonly<Record<string, readonly RuleExchange[]>> = {
  continue_before_upgrade: [
    {
      parts: { lines: `${GOOD_HANDSHAKE}Expect: 100-continue\r\n` },
      statuses: [100, 200],
      lacks: /\r\nupgrade:/i,
    },
  ],
  reject_fields_contaning_cr_lf_nul: ['\r', '\n', '\0'].map((character) => ({
    bytes: get(`${HOST}X-A: b${character}c\r\n`),
    statuses: [400],
  })),
  code_400_after_bad_host_request: [
    '',
    `${HOST}${HOST}`,
    'Host: a b\r\n',
    'Host: a/b\r\n',
    'Host: a@b\r\n',
    'Host:\r\n',
  ].map((lines) => ({ bytes: get(lines), statuses: [400] })),
  code_501_unknown_methods: [{ parts: { method: 'BREW' }, statuses: [501] }],
  code_405_blocked_methods: [{ parts: { method: 'DELETE', target: '/read-only' }, statuses: [405] }],
  code_405_allow: [
    { parts: { method: 'DELETE', target: '/read-only' }, statuses: [405], holds: /\r\nAllow: GET, HEAD\r\n/ },
  ],
  allow_grammar: [
    {
      parts: { method: 'DELETE', target: '/read-only' },
      statuses: [405],
      holds: /\r\nAllow: [A-Z]+(?:, [A-Z]+)*\r\n/,
    },
  ],
  content_head_request: [
    { parts: { method: 'HEAD' }, statuses: [200] },
    { parts: { method: 'HEAD', token: null }, statuses: [401] },
    { parts: { method: 'HEAD', target: '/a//b' }, statuses: [400] },
  ],
  allow_crlf_start: [{ bytes: `\r\n${get(HOST)}`, statuses: [200] }],
  reject_msgs_with_whitespace_between_startline_and_first_header_field: [
    { bytes: get(` ${HOST}`), statuses: [400] },
    { bytes: get(`\t${HOST}`), statuses: [400] },
    { bytes: get(` X-A: b\r\n${HOST}`), statuses: [400] },
  ],
  code_400_if_msg_with_whitespace_between_header_field_and_colon: [
    { bytes: get('Host : wire.test\r\n'), statuses: [400] },
    { bytes: get(`${HOST}X-A\t: b\r\n`), statuses: [400] },
  ],
  content_length_2XX_connect: [CONNECT],
  transfer_encoding_2XX_connect: [CONNECT],
  duplicate_fields: [
    {
      answer: ok('X-Request-Id: theirs\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: 0\r\n'),
      statuses: [200],
      lacks: /\r\nx-request-id:[\s\S]*\r\nx-request-id:|\r\ndate:[\s\S]*\r\ndate:/i,
    },
  ],
  content_length_1XX_204: [
    { answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', statuses: [204], lacks: NO_CONTENT },
    { answer: `HTTP/1.1 103 Early Hints\r\n\r\n${ok('Content-Length: 0\r\n')}`, statuses: [200] },
  ],
  no_transfer_encoding_1xx_204: [
    {
      answer: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
      statuses: [204],
      lacks: NO_CONTENT,
    },
  ],
  send_upgrade_101: [
    {
      parts: { lines: GOOD_HANDSHAKE },
      answer: GOOD_SWITCH,
      statuses: [101],
      holds: /\r\nUpgrade: websocket\r\n/i,
    },
  ],
  switch_protocol_without_client: [
    UNASKED_SWITCH,
    { ...UNASKED_SWITCH, parts: { lines: 'Connection: Upgrade\r\nUpgrade: h2c\r\n' } },
  ],
  connection_grammar: [{ statuses: [200], holds: /\r\nConnection: (?:close|keep-alive)\r\n/i }],
  content_length_grammar: ['-1', '+1', '1,1', '0x1'].map((value) => withField(`Content-Length: ${value}`)),
  transfer_encoding_grammar: [
    {
      answer: ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'),
      statuses: [200],
      holds: /\r\nTransfer-Encoding: chunked\r\n/i,
    },
  ],
  date_grammar: [
    { statuses: [200], holds: /\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/ },
  ],
  date_header_required: [
    { statuses: [200], holds: /\r\nDate: / },
    { parts: { token: null }, statuses: [401], holds: /\r\nDate: / },
    { parts: { target: '/a//b' }, statuses: [400], holds: /\r\nDate: / },
    { bytes: 'no request\r\n\r\n', statuses: [400], holds: /\r\nDate: / },
  ],
  content_type_header_required: [
    { parts: { token: null }, statuses: [401], holds: /\r\nContent-Type: application\/problem\+json\r\n/ },
  ],
  content_type_grammar: [
    { parts: { token: null }, statuses: [401], holds: /\r\nContent-Type: [a-z]+\/[a-z+]+\r\n/ },
  ],
  cache_control_grammar: [
    { parts: { token: null }, statuses: [401], holds: /\r\nCache-Control: no-store\r\n/ },
  ],
  transfer_encoding_http11: [
    {
      parts: { version: '1.0' },
      answer: ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'),
      statuses: [200],
      lacks: /\r\ntransfer-encoding:/i,
    },
  ],
  close_option_in_final_response: [
    { parts: { lines: 'Connection: close\r\n' }, statuses: [200], holds: /\r\nConnection: close\r\n/i },
    { bytes: 'no request\r\n\r\n', statuses: [400], holds: /\r\nConnection: close\r\n/i },
  ],
  no_bare_cr: [withField('X-A: b\rc'), withField('X-A\r: b')],
  field_name_nonvisible_asciichars: [withField('X A: b'), withField('X\x01A: b'), withField('X\x7fA: b')],
  field_name_colon_except_for_pseudo_header_fields: [withField(':status: 200'), withField(': b')],
  field_value_zero_value_lf_cr: [withField('X-A: b\0c'), withField('X-A: b\rc'), withField('X-A: b\0')],
  code_204_no_additional_content: [
    { answer: 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil', statuses: [204], lacks: /evil/ },
  ],
  code_304_no_content: [
    { answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil', statuses: [304], lacks: /evil/ },
  ],
  code_401_www_authenticate: [
    { parts: { token: null }, statuses: [401], holds: /\r\nWWW-Authenticate: Bearer/ },
    { parts: { lines: 'X-A: b\r\n', token: null }, statuses: [401], holds: /\r\nWWW-Authenticate: Bearer/ },
  ],
  server_header_long: [{ parts: { token: null }, statuses: [401], lacks: /\r\n(?:server|x-powered-by):/i }],
};

const UPSTREAM_FIELDS = 'A field of the upstream: passed on as it stands.';
const UPSTREAM_CHOICE = 'A choice of the upstream: passed on as it stands.';
const ONE_CONNECTION =
  'For one connection (RFC 9110 §7.6.1): what the upstream offers there, the gateway does not.';

const all = (reason: string, names: string) =>
  Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, reason]),
  );

/** Rules that are not for this gateway, each with the reason. */
export const NOT_OURS: Readonly<Record<string, string>> = {
  ...all(
    UPSTREAM_FIELDS,
    `response_directive_no_cache response_directive_private response_directive_max_age response_directive_s_maxage
     cookie_grammar duplicate_cookie_attribute duplicate_cookies cookie_IMF_fixdate coep_grammar corp_grammar
     csp_grammar csp_ro_grammar permissions_policy_grammar xcto_grammar sts_grammar xfo_grammar coop_grammar
     access_control_allow_origin_grammar access_control_allow_credentials_grammar
     access_control_expose_headers_grammar access_control_max_age_grammar access_control_allow_methods_grammar
     access_control_allow_headers_grammar age_grammar server_grammar retry_after_grammar location_header_grammar
     last_modified_grammar expires_grammar etag_grammar range_grammar content_language_grammar
     content_encoding_grammar accept_ranges_grammar accept_encoding_grammar accept_patch_grammar vary_grammar
     duplicate_csp duplicate_csp_ro sts_directives_only_allowed_once only_one_sts_header_allowed sts_header_http
     sts_max_age`,
  ),
  ...all(
    UPSTREAM_CHOICE,
    `redirect_after_upgrade_insecure_requests STS_header_after_upgrade_insecure_requests post_invalid_response_codes
     code_300_location code_300_metadata code_301_location code_302_location code_303_location code_307_location
     code_308_location code_413_retry_after code_415_unsupported_media_type code_416_content_range
     code_205_no_content_allowed code_206_content_range code_206_content_range_of_multiple_part_response
     content_length_same_304_200 accept_patch_presence code_206_headers code_304_headers`,
  ),
  ...all(ONE_CONNECTION, 'send_upgrade_426 code_407_proxy_authenticate proxy_authorization_grammar'),
  field_value_start_or_end_with_whitespace:
    'Of HTTP/2; around a value of HTTP/1.1 white space means nothing (RFC 9112 §5).',
  code_101_not_allowed_in_http2: 'The gateway speaks no HTTP/2.',
  content_length_same_head_get: 'Compared below, in a test of its own.',
  head_get_headers: 'Compared below, in a test of its own.',
};
