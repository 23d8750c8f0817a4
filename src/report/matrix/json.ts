import { cellOf, groupsOf, type Matrix, modulesOf } from '../matrix.ts'

/** What `torch-parity matrix --json` writes: every case with what came of it, and the counts by module and trait. */
export function matrixRecord(matrix: Matrix): object {
  const rows = matrix.rows.map((row) => ({
    ...row,
    all: cellOf(matrix, row),
    modules: modulesOf(matrix).map((module) => {
      const own = matrix.cases.filter((asked) => asked.module === module)
      const traits = [...new Set(own.flatMap((asked) => asked.traits))].map((trait) => ({
        trait,
        ...cellOf(matrix, row, (asked) => asked.module === module && asked.traits.includes(trait)),
      }))
      return { module, ...cellOf(matrix, row, (asked) => asked.module === module), traits }
    }),
    groups: groupsOf(matrix, row),
  }))
  return { format: 'torch-parity-matrix', version: 1, ...matrix, rows }
}
