import { parentPort, workerData } from 'node:worker_threads'
import { checkSegment, type StoredSegment } from './segment.ts'

// A thread that checks segments, one after the other: see segment-threads.ts.
const { service } = workerData as { readonly service: string }
parentPort?.on('message', (segment: StoredSegment) => parentPort?.postMessage(checkSegment(service, segment)))
