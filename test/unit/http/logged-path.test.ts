import { describe, expect, it } from 'vitest';
import { loggedPath } from '../../../src/http/logged-path.ts';

describe('loggedPath()', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/me@home/b', '/me@home/b'],
    ['/a?access_token=SECRET', '/a'],
    ['/cb#access_token=SECRET', '/cb'],
    ['/cb#x?access_token=SECRET', '/cb'],
    ['/a?x#SECRET', '/a'],
    ['http://user:SECRET@a/p?SECRET', 'http://a/p'],
    ['HTTPS://SECRET@a@b:80#SECRET', 'HTTPS://b:80'],
    ['http://user:SECRET?x#y@a/p', 'http://a/p'],
    ['http://a/p@home', 'http://a/p@home'],
    ['user:SECRET@a:443', 'a:443'],
    ['*', '*'],
    ['', ''],
  ])('of %j is %j (O01)', (target, path) => expect(loggedPath(target)).toBe(path));
});
