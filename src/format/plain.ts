import * as z from 'zod'
import { isPlain } from './errors.ts'

/** Text without the characters that control somebody's terminal or turn the direction of what stands around it. */
export const plainText = z.string().refine(isPlain, 'expected no control character')
