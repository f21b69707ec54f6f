import * as z from 'zod'

/** An amount in the currency's minor unit (cents), so nothing is rounded. Currency: ISO 4217. */
export const money = z.object({
  currency: z.string().regex(/^[A-Z]{3}$/),
  amount: z.int().nonnegative(),
})
export type Money = z.infer<typeof money>
