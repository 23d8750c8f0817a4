export type {
  Case,
  Inputs,
  ModelInputs,
  ModelRequest,
  Outputs,
  RecurrentRequest,
  Request,
  Training,
} from './format/case.ts'
export { compare, type Comparison, type Departure, type Judgement, kappa, type Tolerance } from './verify/compare.ts'
export { formatPlace, type Place } from './format/place.ts'
export { engineOf } from './edits.ts'
export type { Edit } from './edits/edit.ts'
export { diagnose, type Diagnosis, type Explanation } from './diagnose.ts'
export type { Conduct } from './verify/conduct.ts'
export type { Prepared, PreparingEngine } from './engine/prepared.ts'
export { engine, type Engine } from './engine/run.ts'
export { ParityError, type ParityErrorCode } from './format/errors.ts'
export { type CaseOrError, type Fixture, type Header, openFixture } from './format/fixture.ts'
export type { Source } from './format/messages.ts'
export type { ModelConfig, ModelName } from './format/model.ts'
export type { Config, ModuleName } from './format/module.ts'
export { type DType, type FloatDType, type FloatTensor, floatTensor, type Tensor } from './format/tensor.ts'
export type { Tie } from './verify/ties.ts'
export { judge, type Outcome, verify, verifyChain, type Verdict } from './verify.ts'
