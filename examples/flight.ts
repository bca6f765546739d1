import { json } from 'tidemark'
import { z } from 'zod'

/** One record of topic `flights`: `date` as `2001/01/31 18:20`, taken as UTC; `delay` in minutes, `distance` in miles. */
const Flight = z.object({
  date: z.string(),
  delay: z.number(),
  distance: z.number(),
  origin: z.string(),
  destination: z.string(),
})
export type Flight = z.infer<typeof Flight>

export const flight = json(Flight)

/** `date`, taken as UTC. */
export const departureOf = ({ date }: { readonly date: string }): Date =>
  new Date(`${date.replaceAll('/', '-').replace(' ', 'T')}Z`)
