/** What can go wrong on a connection to an upstream, beside the errors of sockets. */

/** The upstream sent what is not HTTP/1.1, or what two readers could take for two things. The connection is closed. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
}

/** The upstream did not do in time what it had to. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The gateway itself was about to send a request that is not HTTP/1.1. Nothing was sent. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}
