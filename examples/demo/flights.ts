import { readFile } from 'node:fs/promises'

/** One of the 20,000 US flights of 2001 in npm `vega-datasets`; `delay` in minutes, `distance` in miles. */
export interface Flight {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

export async function readFlights(): Promise<Flight[]> {
  const file = new URL('../data/flights-20k.json', import.meta.resolve('vega-datasets'))
  return JSON.parse(await readFile(file, 'utf8')) as Flight[]
}
