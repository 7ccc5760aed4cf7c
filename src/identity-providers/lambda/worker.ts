/** The thread that runs lambdas, one after the other. It holds the compiled interpreter and nothing else. */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { interpret } from './interpreter.ts';
import { type LambdaCall, type LambdaReading, READY, type ThreadSettings } from './protocol.ts';

const INTERPRETER = import.meta.resolve('@jitl/quickjs-wasmfile-release-sync/wasm');

async function serve({ memoryBytes, stop }: ThreadSettings): Promise<void> {
  const wasmModule = await WebAssembly.compile(await readFile(new URL(INTERPRETER)));
  const stopWord = new Int32Array(stop);
  const options = { wasmModule, memoryBytes, shouldStop: () => Atomics.load(stopWord, 0) !== 0 };
  parentPort?.on('message', (call: LambdaCall | LambdaReading) => {
    // A rejection ends the thread, and the gateway hears of it: it is our fault, not the lambda's.
    void interpret(call, options).then((answer) => parentPort?.postMessage(answer));
  });
  parentPort?.postMessage(READY);
}

await serve(workerData);
