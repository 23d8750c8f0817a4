import { parentPort } from 'node:worker_threads'
import { diagnosisOf } from './explain.ts'
import type { Unexplained } from './explainer.ts'

parentPort?.on('message', ({ recorded, outputs, limitMs }: Unexplained) => {
  parentPort?.postMessage(diagnosisOf(recorded, outputs, limitMs))
})
