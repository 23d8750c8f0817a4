import { parentPort } from 'node:worker_threads'
import { CausesOfRun } from '../diagnose/causes.ts'
import { diagnosisOf } from '../diagnose/given.ts'
import type { Asked } from './explainer.ts'

const causes = new CausesOfRun()

function answer(asked: Asked): unknown {
  switch (asked.kind) {
    case 'explain':
      return diagnosisOf(asked.recorded, asked.outputs, asked.limitMs)
    case 'look':
      return causes.look(asked.file, asked.recorded, asked.outputs)
    case 'causes':
      causes.lookAgain()
      return causes.result()
  }
}

parentPort?.on('message', (asked: Asked) => parentPort?.postMessage(answer(asked)))
