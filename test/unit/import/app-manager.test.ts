import { describe, expect, it } from 'vitest';
import { importAppManager } from '../../../src/import/app-manager.ts';
import { settingsIn } from '../../support/imports.ts';

const file = (block: string, more = '') =>
  `<AppManager><AppConsumerAuthConfiguration>${block}</AppConsumerAuthConfiguration>${more}</AppManager>`;
const imported = (block: string, more = '') => importAppManager(file(block, more));
const assertionOf = (block: string, more = '') => settingsIn(imported(block, more).yaml)['assertion'];
const routeOf = (block: string) => settingsIn(imported(block).yaml)['routes'];

describe('importAppManager()', () => {
  it('takes App Manager’s defaults where the block is empty: nothing is generated', () => {
    expect(assertionOf('')).toMatchObject({
      enabled: false,
      profile: 'wso2-appm',
      header: 'X-JWT-Assertion',
      dialect: 'http://wso2.org/claims',
      algorithm: 'RS256',
      userClaims: { retriever: 'none', selective: false },
    });
  });

  it.each([
    ['<EnableTokenGeneration>TRUE</EnableTokenGeneration>', { enabled: true }],
    ['<EnableTokenGeneration>yes</EnableTokenGeneration>', { enabled: false }],
    ['<SecurityContextHeader> X-User </SecurityContextHeader>', { header: 'X-User' }],
    ['<SecurityContextHeader/>', { header: 'X-JWT-Assertion' }],
    ['<ConsumerDialectURI>urn:a&amp;b</ConsumerDialectURI>', { dialect: 'urn:a&b' }],
    ['<ConsumerDialectURI><![CDATA[urn:c]]></ConsumerDialectURI>', { dialect: 'urn:c' }],
    ['<SignatureAlgorithm>NONE</SignatureAlgorithm>', { algorithm: 'NONE' }],
    ['<SignatureAlgorithm>none</SignatureAlgorithm>', { algorithm: 'RS256' }], // as WSO2 reads it: all else signs
    ['<AddClaimsSelectively>true</AddClaimsSelectively>', { userClaims: { selective: true } }],
  ])('reads %s', (block, expected) => expect(assertionOf(block)).toMatchObject(expected));

  it('asks for no key where nothing is signed', () => {
    expect(assertionOf('<SignatureAlgorithm>NONE</SignatureAlgorithm>')).not.toHaveProperty('keys');
    expect(assertionOf('')).toHaveProperty('keys');
  });

  it('gives a selecting route a list to select from', () => {
    expect(routeOf('<AddClaimsSelectively>true</AddClaimsSelectively>')).toMatchObject([
      { application: { claims: [expect.any(String)] } },
    ]);
  });

  it.each([
    ['', false],
    ['<RemoveOAuthHeadersFromOutMessage>true</RemoveOAuthHeadersFromOutMessage>', false],
    ['<RemoveOAuthHeadersFromOutMessage>false</RemoveOAuthHeadersFromOutMessage>', true],
  ])('hands Authorization on only where %j says so', (block, isForwarded) => {
    const [route] = routeOf(block) as Record<string, unknown>[];
    expect(route?.['forwardAuthorization'] ?? false).toBe(isForwarded);
  });

  it.each([
    ['15', '15m'],
    ['1440', '1440m'],
    ['1441', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['1e1', '10m'],
    ['soon', undefined],
  ])('reads a SecurityContextTTL of %s minutes as %s, and lists what is no life', (text, ttl) => {
    const more = `<APIKeyManager><SecurityContextTTL>${text}</SecurityContextTTL></APIKeyManager>`;
    const { yaml, leftOut } = imported('', more);
    expect(settingsIn(yaml)['assertion']).toHaveProperty('profile');
    expect((settingsIn(yaml)['assertion'] as Record<string, unknown>)['ttl']).toBe(ttl);
    expect(leftOut).toHaveLength(ttl === undefined ? 1 : 0);
  });

  it.each([
    ['org.wso2.carbon.appmgt.impl.token.DefaultClaimsRetriever', 'token', 0],
    ['com.example.Retriever', 'none', 1],
    ['', 'none', 0],
  ])('makes of the retriever %j: %s', (name, retriever, listed) => {
    const { yaml, leftOut } = imported(`<ClaimsRetrieverImplClass>${name}</ClaimsRetrieverImplClass>`);
    expect(settingsIn(yaml)['assertion']).toMatchObject({ userClaims: { retriever } });
    expect(leftOut).toHaveLength(listed);
  });

  it('lists elements that it does not know, the second of two, and every other section', () => {
    const block =
      '<TokenGeneratorImpl>com.example.G</TokenGeneratorImpl><New a="b"><Deep/></New><SecurityContextHeader>A</SecurityContextHeader><SecurityContextHeader>B</SecurityContextHeader>';
    const { yaml, leftOut } = imported(block, '<Database><Password>p</Password></Database>');
    expect(settingsIn(yaml)['assertion']).toMatchObject({ header: 'A' });
    expect(leftOut.map(({ path }) => path.replace('AppManager/', ''))).toEqual([
      'AppConsumerAuthConfiguration/TokenGeneratorImpl',
      'AppConsumerAuthConfiguration/New',
      'AppConsumerAuthConfiguration/SecurityContextHeader',
      'Database',
    ]);
  });

  it('lets no text of the file be a reference to the environment', () => {
    const { yaml } = imported(`<ConsumerDialectURI>\${AWS_SECRET}$x</ConsumerDialectURI>`);
    expect(settingsIn(yaml)['assertion']).toMatchObject({ dialect: `\${AWS_SECRET}$x` });
  });

  it('finds the block in any document, and says where there is none', () => {
    const block = '<AppConsumerAuthConfiguration><EnableTokenGeneration>true</EnableTokenGeneration>';
    const alone = importAppManager(`${block}</AppConsumerAuthConfiguration>`);
    expect(settingsIn(alone.yaml)['assertion']).toMatchObject({ enabled: true });
    expect(() => importAppManager('<APIManager/>')).toThrow('holds no element AppConsumerAuthConfiguration');
  });

  it.each([
    ['an external entity (XXE)', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['an external DTD', '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>'],
    ['a DOCTYPE alone', `<!DOCTYPE a>${file('')}`],
    [
      'nested entities (a billion laughs)',
      '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
    ],
    ['an entity of nobody', file('<SecurityContextHeader>&header;</SecurityContextHeader>')],
    ['elements in elements, 100,000 deep', '<a>'.repeat(100_000)],
    ['elements in elements, 1,000 deep', `${'<a>'.repeat(1000)}${'</a>'.repeat(1000)}`],
    ['a cut-off file', '<AppManager><Password>letmein'],
    ['two roots', '<a/><b/>'],
    ['no text', ''],
  ])('refuses %s, and quotes nothing', (_what, text) => {
    const refusal =
      /^(?:is not well-formed XML( \(line \d+, column \d+\))?|holds a document type .*|has more .*)$/;
    expect(() => importAppManager(text)).toThrow(refusal);
  });
});
