/** What a configuration file says at one place, however much else in it is wrong. */
import type { ConfigPath } from './issue.ts';
import { type Environment, substitute } from './substitute.ts';
import { parseYaml } from './yaml.ts';
import { refuseBeforeParsing } from './yaml-guard.ts';

/** Undefined where nothing or no text stands there, or where it names a variable that is not set. Never throws. */
export function statedText(text: string, environment: Environment, path: ConfigPath): string | undefined {
  if (refuseBeforeParsing(text) !== null) return undefined;
  const stated: unknown = parseYaml(text).getIn(path);
  if (typeof stated !== 'string') return undefined;
  const substituted = substitute(stated, environment);
  return substituted.problems.length === 0 ? substituted.text : undefined;
}
