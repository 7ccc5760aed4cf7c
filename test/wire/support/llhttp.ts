/** The wire inputs of llhttp's own tests and what its log says about them, read from their Markdown in place. */
import { readVectorText } from '../../support/vectors.ts';

export interface LoggedMessage {
  /** Empty for a response. */
  readonly method: string;
  readonly url: string;
  /** 0 for a request. */
  readonly status: number;
  readonly body: string;
}

export interface LlhttpVector {
  /** `file: heading`, with a number where a heading has several. */
  readonly name: string;
  /** `request`, `response`, or a variant such as `request-lenient-headers`. */
  readonly type: string;
  /** Latin-1. */
  readonly bytes: string;
  /** The messages that were read whole. */
  readonly messages: readonly LoggedMessage[];
  /** The one that was not, as far as it went. */
  readonly partial: LoggedMessage | null;
  readonly hasError: boolean;
}

/** Null where the vectors are not installed. */
export function readLlhttp(kind: 'request' | 'response', files: readonly string[]): LlhttpVector[] | null {
  const texts = files.map((file) => readVectorText(`llhttp/test/${kind}/${file}.md`));
  if (texts.includes(null)) return null;
  return texts.flatMap((text, index) => vectorsOf(files[index] ?? '', text ?? ''));
}

const BLOCK = /^(#+) (.*)$|^<!-- meta=(\{.*\}) -->$|^```(http|log)\n([\s\S]*?)^```$/gm;

function vectorsOf(file: string, markdown: string): LlhttpVector[] {
  const vectors: LlhttpVector[] = [];
  const counts = new Map<string, number>();
  let heading = '';
  let type = '';
  let bytes = '';
  for (const [, , title, meta, language, content = ''] of markdown.matchAll(BLOCK)) {
    if (title !== undefined) heading = title;
    if (meta !== undefined) type = JSON.parse(meta).type;
    if (language === 'http') bytes = wireBytes(content);
    if (language !== 'log') continue;
    const plain = `${file}: ${heading}`;
    const count = (counts.get(plain) ?? 0) + 1;
    counts.set(plain, count);
    vectors.push({ name: count === 1 ? plain : `${plain} (${count})`, type, bytes, ...readLog(content) });
  }
  return vectors;
}

/** As llhttp's test/md-test.ts reads its blocks: a line feed in the file is CRLF on the wire, unless escaped. */
function wireBytes(content: string): string {
  return content
    .replace(/\n$/, '')
    .replace(/\\\n/g, '')
    .replace(/\n/g, '\r\n')
    .replace(/\\r/g, '\r')
    .replace(/\\n/g, '\n')
    .replace(/\\t/g, '\t')
    .replace(/\\f/g, '\f')
    .replace(/\\x([0-9a-fA-F]+)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\([0-7]{1,3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

const SPAN = /span\[(method|url|body)\]="([\s\S]*)"$/;
const NOTHING: LoggedMessage = { method: '', url: '', status: 0, body: '' };

function readLog(log: string): Pick<LlhttpVector, 'messages' | 'partial' | 'hasError'> {
  const messages: LoggedMessage[] = [];
  let current: LoggedMessage | null = null;
  let hasError = false;
  for (const line of log.split('\n')) {
    if (line.endsWith('message begin')) current = NOTHING;
    if (line.includes(' error code=')) hasError = true;
    if (current === null) continue;
    current = withLine(current, line);
    if (!line.endsWith('message complete')) continue;
    messages.push(current);
    current = null;
  }
  return { messages, partial: current, hasError };
}

function withLine(message: LoggedMessage, line: string): LoggedMessage {
  const status = /headers complete status=(\d+)/.exec(line)?.[1];
  if (status !== undefined) return { ...message, status: Number(status) };
  const [, span, text = ''] = SPAN.exec(line) ?? [];
  // A long span is logged in pieces; line ends within a body are logged apart.
  if (span === 'method' || span === 'url' || span === 'body')
    return { ...message, [span]: message[span] + text.replace(/\\t/g, '\t').replace(/\\f/g, '\f') };
  if (/span\[body\]=cr$/.test(line)) return { ...message, body: `${message.body}\r` };
  if (/span\[body\]=lf$/.test(line)) return { ...message, body: `${message.body}\n` };
  return message;
}
