/** The part of WebAssembly's JavaScript interface that the interpreter is loaded with: TypeScript has it in `dom` only. */
declare namespace WebAssembly {
  /** Compiled code, without state. */
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  interface Instance {
    readonly exports: Exports;
  }
  /** Grows from `initial` to `maximum` pages of 64 KiB. */
  class Memory {
    constructor(pages: { readonly initial: number; readonly maximum: number });
    readonly buffer: ArrayBuffer;
  }
  type Imports = Record<string, Record<string, unknown>>;
  type Exports = Record<string, unknown>;
  function compile(bytes: Uint8Array): Promise<Module>;
}
