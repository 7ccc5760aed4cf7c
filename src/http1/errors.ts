/** What can be wrong with a message as it comes from the other side. */

/** It is not HTTP/1.1, or two readers could take it for two things. The connection is closed. */
export class MessageError extends Error {
  override readonly name: string = 'MessageError';
}

/** Its head, or its trailers, are longer than they may be. */
export class SectionTooLargeError extends MessageError {
  override readonly name = 'SectionTooLargeError';
}
