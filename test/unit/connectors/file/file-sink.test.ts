import { describe, expect, test } from 'vitest'
import { fileSink, type FileSinkOptions } from '../../../../src/connectors/file/index.js'
import { sinkDefinitionOf } from '../../../../src/definition/define-sink.js'

const faultsOf = (options: object): readonly string[] | undefined =>
  sinkDefinitionOf(fileSink(options as FileSinkOptions<unknown>))?.faults?.map(
    ({ path, message }) => `${path} ${message}`,
  )

describe('fileSink', () => {
  test('promises exactly-once, commits with the checkpoint, and says where it writes', () => {
    const sink = fileSink<{ id: number }>({ directory: 'out/x' })
    expect(sink).toMatchObject({ kind: 'file', guarantee: 'exactly-once' })
    const definition = sinkDefinitionOf(sink)
    expect(definition).toMatchObject({
      mode: 'transactional',
      describe: 'directory out/x',
      commitsWithCheckpoint: true,
      faults: [],
    })
    // A ledger for each sink of a stage.
    expect(definition).not.toHaveProperty('scope')
  })

  test.each([
    [{ directory: '' }, ['directory must be a path']],
    [{}, ['directory must be a path']],
    [{ directory: 'out', format: {} }, ['format must have an encode function']],
    [{ directory: 'out', origin: 'yes' }, ['origin must be true or false']],
    [
      { directory: 'out', origin: true, format: { encode: () => new Uint8Array() } },
      ['origin goes with JSON lines only: leave out `format`'],
    ],
    [{ directory: 'out', path: 'country' }, ['path must be a function']],
    [{ directory: 'out', extension: '.jsonl' }, ['extension must be letters and digits']],
    [{ directory: 'out', extension: 'json' }, ["extension is one of the ledger's own"]],
    [{ directory: 'out', dir: 'x' }, ['dir is no option of fileSink']],
    [{ directory: 1, path: 2 }, ['directory must be a path', 'path must be a function']],
  ])('%j is told: %j', (options, faults) => {
    expect(faultsOf(options)).toEqual(faults)
  })
})
