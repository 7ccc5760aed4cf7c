/** The `WWW-Authenticate` challenge of a refusal (RFC 9110 §11.6.1, RFC 6750 §3). */
import { type CountersignError, errorRow } from './errors.ts';

/** Protection space named in every challenge. One for the gateway: realm names are internal. */
const PROTECTION_SPACE = 'countersign';

/** The challenge, or null where the status asks for none. */
export function challengeOf(error: CountersignError): string | null {
  const { status, oauth } = errorRow(error.code);
  if (oauth === undefined) return status === 401 ? `Bearer realm=${quote(PROTECTION_SPACE)}` : null;
  const parameters = [`realm=${quote(PROTECTION_SPACE)}`, `error=${quote(oauth)}`];
  parameters.push(`error_description=${quote(publicReason(error))}`);
  if (error.code === 'insufficient_scope' && error.parameter !== undefined)
    parameters.push(`scope=${quote(error.parameter)}`);
  return `Bearer ${parameters.join(', ')}`;
}

/** The reason code and, where there is one, the safe parameter: `missing_claim: sub`. */
export function publicReason(error: CountersignError): string {
  return error.parameter === undefined ? error.code : `${error.code}: ${error.parameter}`;
}

/** A quoted-string of the characters RFC 6750 §3 allows in error_description and scope. */
function quote(text: string): string {
  return `"${text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`;
}
