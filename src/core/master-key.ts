/** The bound on the secret that seals the token service's store: the file is checked by it, and the sealer holds to it. */

/** 256 bits: what AES-256 and HMAC-SHA256, whose keys are derived from it, are worth. */
export const MASTER_KEY_BYTES_MIN = 32;
