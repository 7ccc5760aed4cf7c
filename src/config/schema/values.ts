/** The kinds of values that configuration keys hold. Each says in its message what to write instead. */
import { z } from 'zod';
import { foldHeaderName, HOP_BY_HOP, isFieldName } from '../../core/headers.ts';
import { parseSizeBytes } from '../../core/size.ts';
import { parseDurationMs } from '../../core/time.ts';

/** Node's timers take 31 bits of milliseconds, 24.8 days; longer ones fire at once. */
const TIMER_MAX = '24d';

export interface Bounds {
  /** Inclusive, in the spelling of the value. */
  readonly min: string;
  readonly max?: string;
}

const DURATION = /^\d{1,9}(?:ms|s|m|h|d)$/;
const SIZE = /^\d{1,9}(?:B|KiB|MiB|GiB)$/;

const DURATION_HELP = 'is no duration: write 500ms, 30s, 5m, 24h or 7d';
const SIZE_HELP = 'is no size: write 512B, 16KiB or 1MiB';

/** The title names the kind of value in the reference. */
const durationText = () =>
  z.string({ error: DURATION_HELP }).regex(DURATION, { error: DURATION_HELP }).meta({ title: 'duration' });
const sizeText = () =>
  z.string({ error: SIZE_HELP }).regex(SIZE, { error: SIZE_HELP }).meta({ title: 'size' });

function within(parse: (text: string) => number | undefined, { min, max = TIMER_MAX }: Bounds) {
  return (text: string, context: z.RefinementCtx<string>): number => {
    const value = parse(text) ?? Number.NaN;
    const isWithin = value >= (parse(min) ?? Number.NaN) && value <= (parse(max) ?? Number.NaN);
    if (!isWithin) context.addIssue({ code: 'custom', message: `must lie between ${min} and ${max}` });
    return value;
  };
}

/** `5m` to milliseconds, with a default. */
export function durationOr(fallback: string, bounds: Bounds) {
  return durationText().default(fallback).transform(within(parseDurationMs, bounds));
}

/** `5m` to milliseconds. `preset`: what applies without it, for the reference. */
export function duration(bounds: Bounds, preset?: string) {
  return documented(durationText(), preset).transform(within(parseDurationMs, bounds));
}

/** `16KiB` to bytes, with a default. */
export function sizeOr(fallback: string, bounds: Required<Bounds>) {
  return sizeText().default(fallback).transform(within(parseSizeBytes, bounds));
}

/** `16KiB` to bytes. `preset`: what applies without it, for the reference. */
export function size(bounds: Required<Bounds>, preset: string) {
  return documented(sizeText(), preset).transform(within(parseSizeBytes, bounds));
}

/** A default that is only documented: zod keeps it in the JSON Schema when it stands before a transformation. */
export function documented(schema: z.ZodString, preset: string | undefined): z.ZodString {
  return preset === undefined ? schema : schema.meta({ ...schema.meta(), default: preset });
}

/** Names become labels of metrics and fields of log lines. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function name() {
  return z.string().regex(NAME, { error: 'is no name: letters, digits, ".", "_" and "-", at most 64' });
}

export function text() {
  return z.string().min(1, { error: 'is empty' });
}

/** A path; relative ones start at the folder of the configuration file. */
export function filePath() {
  return text()
    .refine((path) => !path.includes('-----BEGIN'), {
      error: 'is the key itself; name the file that holds it',
    })
    .meta({ title: 'path' });
}

/** The secret itself (normally `"${NAME}"`), or the file that holds it. */
export function secret() {
  return z.union(
    [text(), z.strictObject({ file: filePath().meta({ description: 'File with the secret.' }) })],
    {
      error: 'is neither the text of the secret nor {file: path}',
    },
  );
}

export function headerName() {
  return z.string().refine(isFieldName, { error: 'is no header name (RFC 9110 §5.1)' });
}

/** The same grammar: a token (RFC 6265 §4.1.1). */
export function cookieName() {
  return z.string().refine(isFieldName, { error: 'is no cookie name (RFC 6265 §4.1.1)' });
}

/** Headers of one connection or of its framing: neither tokens nor assertions travel in them. */
const CONNECTION_HEADERS: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'host']);

export function isConnectionHeader(header: string): boolean {
  return CONNECTION_HEADERS.has(foldHeaderName(header));
}

/** A listener that can only be declared off. */
export function unavailableListener(what: string) {
  return z
    .strictObject({
      bind: z.string().optional().meta({ description: 'Address and port.' }),
      enabled: z
        .literal(false, { error: 'is not available in this version; only false is accepted' })
        .default(false)
        .meta({ description: 'Only `false` in this version.' }),
    })
    .optional()
    .meta({ description: `Not available in this version: ${what}.` });
}
