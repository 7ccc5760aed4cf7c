/** Roles and groups of a Fusion realm, in every form that its screens and its API have for them. */
import { type LeftOut, leftOut } from './imported.ts';
import { isBlock, Members } from './members.ts';
import { literal, type Settings } from './yaml-text.ts';

/** A list, or one text with spaces between the roles. Undefined where there are none. */
export function rolesOf(value: unknown, path: string, left: LeftOut[]): string[] | undefined {
  const list = typeof value === 'string' ? value.split(/\s+/) : Array.isArray(value) ? value : [];
  const roles = list.filter((role) => typeof role === 'string').filter((role) => role !== '');
  const isUnderstood = value === undefined || typeof value === 'string' || roles.length === list.length;
  if (!isUnderstood || isBlock(value)) left.push(leftOut(path, 'is no list of roles'));
  return roles.length === 0 ? undefined : roles.map(literal);
}

/** Pairs as objects (`{group, roles}`), as lists of two, or one object by group. */
export function mappingOf(value: unknown, path: string, left: LeftOut[]): Settings | undefined {
  const items: unknown[] = isBlock(value) ? Object.entries(value) : Array.isArray(value) ? value : [];
  const entries = items.flatMap((item, index) => {
    const place = `${path}[${index}]`;
    const [group, given] = pairOf(item);
    if (typeof group === 'string' && group !== '')
      return [[group, rolesOf(given, place, left) ?? []] as const];
    left.push(leftOut(place, 'is no pair of a group and its roles'));
    return [];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function pairOf(item: unknown): readonly unknown[] {
  if (Array.isArray(item)) return item;
  if (!isBlock(item)) return [];
  const members = new Members(Object.entries(item), '', '.');
  return [members.takeText('group', 'name', 'key'), members.take('roles', 'role', 'value')];
}
