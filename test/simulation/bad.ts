/** Records that cannot be processed: the pipeline and its reference run both go by it. */
export const isBad = (v: number): boolean => v % 7 === 5
