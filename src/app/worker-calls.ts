/** What a supervisor and its workers ask of one another. */

import type { FetchedDocument } from '../core/document.ts';
import type { Readiness } from '../http/ops.ts';
import type { MetricValues } from '../telemetry/merged-metrics.ts';
import type { Environment } from './configuration.ts';
import type { FileContents } from './configuration-files.ts';
import type { WorkerShare } from './gateway.ts';
import type { Origins } from './lifecycle.ts';
import type { SharedDocumentRequest } from './shared-documents.ts';

export interface StartOrder {
  /** From 1; a worker that takes the place of another has its number. */
  readonly number: number;
  readonly share: WorkerShare;
  readonly configPath: string;
  readonly environment: Environment;
  /** What the supervisor has checked: a worker reads no configuration from the disk. */
  readonly files: FileContents;
}

/** What a worker does for its supervisor. A type and not an interface: it is indexed by name. */
export type WorkerCalls = {
  /** Rejects where the worker cannot serve. */
  readonly start: (order: StartOrder) => Promise<Origins>;
  /** Builds and prefetches another configuration without using it. Rejects where that fails. */
  readonly prepare: (files: FileContents) => Promise<void>;
  /** Uses what was prepared. */
  readonly commit: (nothing: null) => Promise<void>;
  /** Forgets what was prepared, if anything. */
  readonly discard: (nothing: null) => Promise<void>;
  readonly readiness: (nothing: null) => Promise<Readiness>;
  readonly metrics: (nothing: null) => Promise<MetricValues>;
  /** Finishes what is running within `shutdownGrace`; the process ends after the answer. */
  readonly stop: (nothing: null) => Promise<void>;
};

/** What the supervisor does for its workers. */
export type SupervisorCalls = {
  readonly document: (wanted: SharedDocumentRequest) => Promise<FetchedDocument>;
  /** Nothing caught an error: the worker finishes what is running and ends. Another one is wanted. */
  readonly leave: (nothing: null) => Promise<void>;
};
