import { sha256 } from '@noble/hashes/sha2.js'
import { spelled } from '../../format/errors.ts'
import { style } from './style.ts'

/** The head of a page that runs one script, asks no network, and opens from disk. */
export function headOf(script: string): string {
  const hash = btoa(String.fromCharCode(...sha256(new TextEncoder().encode(script))))
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>torch-parity</title>
<style>${style}</style>
</head>`
}

/**
 * JSON that cannot end the element it stands in: `<` and the line ends of old scripts as escapes; and what turns the direction of text is
 * spelled out in it.
 */
export function inScript(json: string): string {
  return json
    .replace(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, (character) => `\\${spelled(character)}`)
    .replaceAll('<', String.raw`\u003c`)
    .replaceAll('\u2028', String.raw`\u2028`)
    .replaceAll('\u2029', String.raw`\u2029`)
}
