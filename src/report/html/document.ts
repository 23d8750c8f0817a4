import { sha256 } from '@noble/hashes/sha2.js'
import { unpacked } from './packed.ts'
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

/** What stands in a page until it is filled. */
export const late = 'reading what is in this page …'

/** A script that reads what is packed in the page as `content`, and goes on with it. */
export function booted(rest: string): string {
  return `(async () => {
const failed = () => { document.querySelector('#how').textContent = 'this page needs a browser of 2023 or later' }
if (!('DecompressionStream' in globalThis)) return failed()
const content = await (${String(unpacked)})(document.querySelector('#data').textContent)
${rest}
})()`
}
