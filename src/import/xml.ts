/** XML as a tree of elements with text. Document types are refused: nothing is expanded, and nothing is fetched. */
import { parseXml, XmlDocumentType, XmlElement, XmlError } from '@rgrove/parse-xml';
import { ImportError } from './imported.ts';

/** Configuration files have five levels. Walks recurse: more is an attack on the stack (CWE-674). */
const DEPTH_MAX = 32;

export interface Element {
  readonly name: string;
  /** Names from the root down, separated by `/`. */
  readonly path: string;
  /** All its text, without that of its elements. */
  readonly text: string;
  readonly elements: readonly Element[];
}

/**
 * The root element. Entities beyond XML's own five do not exist (CWE-776), a DOCTYPE is refused (CWE-611).
 *
 * @throws ImportError with line and column where the text is not well-formed
 */
export function readXml(text: string): Element {
  const document = parse(text);
  if (document.children.some((node) => node instanceof XmlDocumentType))
    throw new ImportError('holds a document type (<!DOCTYPE …>); take it out: nothing of it is needed');
  if (document.root === null) throw new ImportError('holds no element');
  return elementOf(document.root, '', 1);
}

function parse(text: string): ReturnType<typeof parseXml> {
  try {
    return parseXml(text, { preserveDocumentType: true });
  } catch (cause) {
    // Its message quotes the text, which may be a password.
    const place = cause instanceof XmlError ? ` (line ${cause.line}, column ${cause.column})` : '';
    throw new ImportError(`is not well-formed XML${place}`);
  }
}

function elementOf(element: XmlElement, parentPath: string, depth: number): Element {
  if (depth > DEPTH_MAX) throw new ImportError(`has more than ${DEPTH_MAX} levels of elements`);
  const path = parentPath === '' ? element.name : `${parentPath}/${element.name}`;
  const inside = element.children.filter((node) => node instanceof XmlElement);
  const outside = element.children.filter((node) => !(node instanceof XmlElement));
  return {
    name: element.name,
    path,
    text: outside.map((node) => ('text' in node ? node.text : '')).join(''),
    elements: inside.map((child) => elementOf(child, path, depth + 1)),
  };
}

/** Every element of that name, at any depth, in the order of the file. */
export function elementsNamed(root: Element, name: string): Element[] {
  const own = root.name === name ? [root] : [];
  return [...own, ...root.elements.flatMap((child) => elementsNamed(child, name))];
}
