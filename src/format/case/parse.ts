import type * as z from 'zod'
import type { Case } from '../case.ts'
import { isModel, type ModelConfig } from '../model.ts'
import { modelSchemas } from '../model/config.ts'
import type { Config } from '../module.ts'
import { configSchemas } from '../module/config.ts'
import { checkGenerated, type Measure, readCase } from './read.ts'
import { CaseRecord, ExportedRecord } from './record.ts'
import { readExported } from '../exported/read.ts'
import { newShared, type Shared } from '../exported/shared.ts'
import { caseName, invalid, parse } from './wording.ts'

/**
 * Checks a decoded case map against the format and against torch's own shapes, and copies its tensors out.
 * where: what stands before the message of an error, usually the file's name. version: of the format. measure: makes the budget
 * of a case that comes without one.
 * @throws ParityError CASE_INVALID that names the case and the tensor.
 */
export function parseCase(
  record: unknown,
  where: string,
  version: 1 | 2 | 3 = 1,
  measure?: Measure,
  shared?: Shared,
): Case {
  const named = `${where}: case ${caseName(record)}`
  if (isExportedRecord(record)) {
    if (version !== 3)
      throw invalid(`${named}: module: expected ExportedProgram in version 3 alone, got it in version ${version}`)
    return readExported(parse(ExportedRecord, record, named), named, shared ?? newShared())
  }
  const configOf = (module: CaseRecord['module'], config: unknown): Config | ModelConfig => {
    const schema: z.ZodType<Config | ModelConfig> = isModel(module) ? modelSchemas[module] : configSchemas[module]
    return parse(schema, config, `${named}: config`)
  }
  const parsed = parse(CaseRecord, record, named)
  checkGenerated(parsed, version, named)
  return readCase(parsed, named, configOf, measure)
}

function isExportedRecord(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'module' in record && record.module === 'ExportedProgram'
}
