/** What can go wrong on a connection to an upstream, beside the errors of sockets and of messages. */

/** The upstream did not do in time what it had to. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The gateway itself was about to send a request that is not HTTP/1.1. Nothing was sent. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}
