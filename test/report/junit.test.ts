import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { validateXML } from 'xmllint-wasm'
import { renderJUnit } from '../../src/report/junit.ts'
import type { Results } from '../../src/report/results.ts'
import { causes, matching, mismatching, oddResults, results, undecided, unsupported } from './saved.ts'

async function problems(xml: string): Promise<string[]> {
  const schema = await readFile(join(import.meta.dirname, 'junit.xsd'), 'utf8')
  const { errors } = await validateXML({ xml: [{ fileName: 'junit.xml', contents: xml }], schema: [schema] })
  return errors.map(({ message }) => message)
}

const xmlOf = (...runs: readonly Results[]): string => [...renderJUnit(runs)].join('')

describe('renderJUnit', () => {
  it('has a suite for each file and a failure for each mismatch', async () => {
    const error = { code: 'NOTHING_JUDGED', message: 'expected cases' }
    const xml = xmlOf(results([matching, mismatching, unsupported, undecided], { errors: [error] }))
    expect(xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="torch-parity" tests="5" failures="1" errors="1">
  <testsuite name="port: a.msgpack" file="a.msgpack" tests="2" failures="1" errors="0" skipped="0">
    <testcase classname="port.RNNCell" name="right" time="0"/>
    <testcase classname="port.RNNCell" name="wrong" time="0"><failure type="mismatch" message="departs from PyTorch in h_1">mismatch a.msgpack: case wrong (RNNCell)
  h_1: 1 of 2 elements differ (50.0 %)
    worst: batch 0, unit 1 [0, 1]: actual NaN, expected 1: another kind of value
  where: h_1 is the first tensor that is off
  why: the engine reads weight_hh transposed (explains everything)</failure></testcase>
  </testsuite>
  <testsuite name="port: b.msgpack" file="b.msgpack" tests="2" failures="0" errors="0" skipped="2">
    <testcase classname="port.GRU" name="left" time="0"><skipped message="unsupported: no GRU"/></testcase>
    <testcase classname="port.GRU" name="empty" time="0"><skipped message="undecided: shapes agree, 0 numbers to judge"/></testcase>
  </testsuite>
  <testsuite name="port: not judged" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="port" name="no file: NOTHING_JUDGED" time="0"><error type="NOTHING_JUDGED" message="expected cases">expected cases</error></testcase>
  </testsuite>
</testsuites>
`)
    expect(await problems(xml)).toEqual([])
  })

  it('says of each file what its mismatches come from, and of a case what was found in another', async () => {
    const { explanation: _, ...bare } = mismatching
    const xml = xmlOf(
      results([bare, { ...bare, file: 'b.msgpack', id: 'odd-0' }, { ...matching, file: 'c' }], { causes }),
    )
    expect(await problems(xml)).toEqual([])
    expect(xml).toContain(`skipped="0">
    <properties>
      <property name="cause" value="3 of 3 cases: the engine takes the blocks of rows for i g f o, where torch has i f g o (confirmed on 2 of 4 other cases)"/>
    </properties>
    <testcase classname="port.RNNCell" name="wrong" time="0">`)
    expect(xml).toContain(
      '<property name="cause" value="2 of 2 cases: nothing yet, a cause was looked for in 1 of them; ',
    )
    expect(xml).toContain('(explains everything, as in 2 other cases)</failure>')
    expect(xml.match(/<properties>/g)).toHaveLength(2)
  })

  it('stays valid with any text in any field', async () => {
    const xml = xmlOf(oddResults())
    expect(await problems(xml)).toEqual([])
    expect(xml).not.toContain('<b>')
    expect(xml).not.toContain('\u0001')
    expect(xml).toContain('é\n👍')
  })

  it('is valid without any case', async () => {
    expect(await problems(xmlOf())).toEqual([])
    expect(await problems(xmlOf(results([])))).toEqual([])
  })

  it('is judged by a schema that finds what is wrong', async () => {
    const xml = xmlOf(results([mismatching]))
    expect(await problems(xml.replace('<failure', '<problem').replace('</failure', '</problem'))).not.toEqual([])
    expect(await problems(xml.replace(' name="wrong"', ''))).not.toEqual([])
    const caused = xmlOf(results([mismatching], { causes }))
    expect(await problems(caused.replace('<property name="cause"', '<property'))).not.toEqual([])
  })
})
