/** The call with `step` awaited before it. */
export const before =
  (step: () => Promise<void>) =>
  <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R> => {
    await step()
    return await call(...args)
  }
