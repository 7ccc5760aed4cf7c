/** What a listener needs to speak TLS. Compiled from `listeners.proxy.tls`, checked there, used by http/. */

export interface ListenerTls {
  /** PEM: the certificate of the listener, then those between it and a root. */
  readonly certificate: string;
  /** PEM, without passphrase. */
  readonly privateKey: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** PEM of the authorities of client certificates: without such a certificate nobody comes in. Null: none is asked for. */
  readonly clientAuthorities: string | null;
  /** 48 bytes with which session tickets are made, the same in all processes that share the listener. Absent: its own. */
  readonly ticketKeys?: Uint8Array;
}
