// What each command can be told.
import type { RayFlags } from './ray.ts'
import type { Part } from './shard.ts'
import type { Tolerance } from '../verify/compare.ts'

export interface VerifyFlags {
  engine?: string
  engineCommand?: string
  enginePage?: string
  answers?: string
  map?: string
  partial?: true
  tolerance: Tolerance
  target?: string
  equalNan: boolean
  filter?: string[]
  failFast?: true
  json?: string
  report?: string
  quiet?: true
  maxMismatches: number
  knownFailures?: string
  updateKnownFailures?: true
  list?: true
  watch?: true
  timeout: number
  repeat: number
  order: number
  shard?: Part
}

export interface ExplainFlags {
  case: string
  engine?: string
  engineCommand?: string
  enginePage?: string
  actual?: string
  answers?: string
  map?: string
  target?: string
  timeout: number
  search: number
  json?: string
}

export interface AskFlags {
  out: string
  format: 'fixture' | 'safetensors'
  filter?: string[]
}

export interface ProbeFlags {
  engine?: string
  engineCommand?: string
  enginePage?: string
  module?: string[]
  around?: string
  case?: string
  experiments: number
  time: number
  seed: number
  maxSize: number
  save?: string
  json?: string
  timeout: number
  quiet?: true
}

export interface AuditFlags {
  onlyApplicable?: true
  target?: string
  report?: string
}

export interface GenerateFlags extends RayFlags {
  out: string
  suite?: string[]
  seed?: number
  count?: number
  python?: string
  device?: string
  tf32?: true
  quiet?: true
}

export interface ReportFlags {
  html?: string
  against?: string
  junit?: string
  jsonl?: string
  json?: string
  text?: string
  summary?: string
  github?: true
}

export interface FuzzFlags extends Omit<RayFlags, 'oracles'> {
  engine?: string
  engineCommand?: string
  enginePage?: string
  target?: string
  module?: string[]
  runs?: number
  time?: number
  seed: number
  maxSize: number
  maxBatch: number
  oracles: number
  save?: string | true
  case?: string
  python?: string
  timeout: number
  quiet?: true
  shard?: Part
  json?: string
}

export interface AuditFlags {
  onlyApplicable?: true
  report?: string
  json?: string
}

export interface DriftFlags extends RayFlags {
  update?: true
  python?: string
  device?: string
  tf32?: true
}

export interface MatrixFlags {
  engine?: string[]
  json?: string
  markdown?: string
  html?: string
  timeout: number
  quiet?: true
}

export interface MapFlags {
  case?: string
  out?: string
  json?: string
}
