/** Checks what a caller sent against its schema. Unknown members are dropped, as FusionAuth does; the rest is named. */
import type { z } from 'zod';
import { type ErrorEntry, ServiceError } from '../../tokens/failure.ts';

type Finding = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Complaints of one answer. A body within its bound may have thousands of mistakes. */
const COMPLAINTS_MAX = 50;

/** @throws ServiceError 400 that names each field */
export function validate<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const first = schema.safeParse(given);
  if (first.success) return first.data;
  const known = first.error.issues.some(isUnknown) ? withoutUnknown(given, first.error.issues) : given;
  const second = schema.safeParse(known);
  if (second.success) return second.data;
  throw complaint(second.error.issues, known);
}

function isUnknown({ code }: Finding): boolean {
  return code === 'unrecognized_keys';
}

/** A copy: what was sent may be looked at again. */
function withoutUnknown(given: unknown, findings: readonly Finding[]): unknown {
  const copy: unknown = structuredClone(given);
  for (const finding of findings) {
    if (finding.code !== 'unrecognized_keys') continue;
    const holder = valueAt(copy, finding.path);
    if (typeof holder === 'object' && holder !== null)
      for (const key of finding.keys) Reflect.deleteProperty(holder, key);
  }
  return copy;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

function complaint(findings: readonly Finding[], given: unknown): ServiceError {
  const byField = new Map<string, ErrorEntry[]>();
  for (const finding of findings.slice(0, COMPLAINTS_MAX)) {
    const field = fieldName(finding.path);
    const entry = { code: `[${whatOf(finding, given)}]${field}`, message: finding.message };
    byField.set(field, [...(byField.get(field) ?? []), entry]);
  }
  const generalErrors = byField.get('') ?? [];
  byField.delete('');
  return new ServiceError(400, 'The request does not fit its schema', {
    ...(byField.size === 0 ? {} : { fieldErrors: Object.fromEntries(byField) }),
    ...(generalErrors.length === 0 ? {} : { generalErrors }),
  });
}

/** `user.registrations[0].roles`. */
function fieldName(path: Path): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** FusionAuth's word for what is wrong. */
function whatOf(finding: Finding, given: unknown): string {
  const value = valueAt(given, finding.path);
  if (value === undefined || value === null || value === '') return 'blank';
  if (finding.code === 'too_big') return 'tooLong';
  if (finding.code === 'too_small') return 'tooShort';
  return 'invalid';
}
