import { parentPort } from 'node:worker_threads'
import { CausesOfRun } from '../diagnose/causes.ts'
import { diagnosisOf } from '../diagnose/given.ts'
import { asWhole } from '../verify/filled.ts'
import type { Asked } from './explainer.ts'

const causes = new CausesOfRun()

function answer(asked: Asked): unknown {
  if (asked.kind === 'explain') return diagnosisOf(asked.recorded, asked.outputs, asked.limitMs)
  if (asked.kind === 'look') return causes.look(asked.file, asWhole(asked.recorded), asked.outputs)
  causes.lookAgain()
  return causes.result()
}

parentPort?.on('message', (asked: Asked) => parentPort?.postMessage(answer(asked)))
