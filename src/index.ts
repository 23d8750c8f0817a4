export type { Case, Inputs, ModelInputs, ModelRequest, Outputs, RecurrentRequest, Request, Training } from './case.ts'
export {
  compare,
  type Comparison,
  type Departure,
  formatPlace,
  type Judgement,
  kappa,
  type Place,
  type Tolerance,
} from './compare.ts'
export { diagnose, type Diagnosis, type Explanation } from './diagnose.ts'
export type { Conduct } from './conduct.ts'
export type { Prepared, PreparingEngine } from './engine/prepared.ts'
export { engine, type Engine } from './engine/run.ts'
export { ParityError, type ParityErrorCode } from './errors.ts'
export { type CaseOrError, type Fixture, type Header, openFixture } from './fixture.ts'
export type { Source } from './messages.ts'
export type { ModelConfig, ModelName } from './model.ts'
export type { Config, ModuleName } from './module.ts'
export { type DType, type FloatDType, type FloatTensor, floatTensor, type Tensor } from './tensor.ts'
export type { Tie } from './ties.ts'
export { judge, type Outcome, verify, verifyChain, type Verdict } from './verify.ts'
