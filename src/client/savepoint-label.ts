import { z } from 'zod'
import { idFault } from '../definition/ids.js'

/** As ids are: it is part of workflow ids, and no epoch or time begins with a letter. */
export const labelSchema = z.string('must be a text').superRefine((label, ctx) => {
  const fault = idFault(label, 'kebab')
  if (fault !== undefined) ctx.addIssue({ code: 'custom', message: `the label ${fault}` })
})
