// Writes the JSON Schemas of what the command line writes, from the zod schemas that are built.
import { mkdirSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { Results } from '../dist/report/results.js'

const folder = new URL('../dist/schemas/', import.meta.url)
mkdirSync(folder, { recursive: true })
// As a writer fills it in: what a reader would fill in for files of earlier versions may be missing.
const schema = z.toJSONSchema(Results, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' })
const titled = {
  title: 'torch-parity results',
  description: 'What `torch-parity verify --json` and `explain --json` write.',
  ...schema,
}
writeFileSync(new URL('results.json', folder), `${JSON.stringify(titled, null, 2)}\n`)
