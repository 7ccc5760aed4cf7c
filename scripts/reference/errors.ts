/** docs/errors.md, from the error table. */
import { ERRORS } from '../../src/core/error-table.ts';
import { type ErrorCode, errorRow } from '../../src/core/errors.ts';
import { code, GENERATED, table } from './markdown.ts';

export function errorsMarkdown(): string {
  const codes = Object.keys(ERRORS).filter((key): key is ErrorCode => Object.hasOwn(ERRORS, key));
  return [
    GENERATED,
    '# Errors',
    'Every refusal has a code. It stands in the problem body (RFC 9457), in the access log, in the label `reason` of ' +
      '`countersign_auth_decisions_total`, and in `error_description` of the Bearer challenge (RFC 6750). The title ' +
      'is all that a client is told.',
    table(
      ['Code', 'Status', 'Title', 'Retry'],
      codes.map((key) => {
        const { status, title, retryable } = errorRow(key);
        return [`[${code(key)}](#${key})`, String(status), title, retryable === true ? 'yes' : ''];
      }),
    ),
    ...codes.map(section),
    '',
  ].join('\n\n');
}

function section(key: ErrorCode): string {
  const { status, oauth, hint } = errorRow(key);
  const challenge = oauth === undefined ? '' : `, challenge ${code(`error="${oauth}"`)}`;
  return `## ${key}\n\nStatus ${status}${challenge}. ${hint}`;
}
