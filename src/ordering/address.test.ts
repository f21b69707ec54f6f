import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addressInput, isSame, privateAddress, toPrivateAddress, toPublicAddress } from './address.ts'
import { address } from './contract.ts'

const rest = { name: 'Ada', postalCode: '1000', city: 'Ghent', country: 'BE' }
const number = fc.stringMatching(/^\d[a-z0-9/-]{0,25}$/)
/** Any text that fits a line, and lines that end like a house number. */
const line = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }),
    fc.string({ minLength: 1, maxLength: 200 }),
    fc
      .tuple(fc.string({ maxLength: 100 }), fc.constantFrom(' ', '  ', '\n', '\t', '\u00a0', ''), number)
      .map((parts) => parts.join('')),
  )
  .filter((text) => text.length > 0 && text.length <= 200)

describe('an address', () => {
  for (const [street, streetName, houseNumber] of [
    ['Quay 1', 'Quay', '1'],
    ['Quay 1a', 'Quay', '1a'],
    ['Quay 1-3', 'Quay', '1-3'],
    ['Straße des 17. Juni 135', 'Straße des 17. Juni', '135'],
    ['D 10 12', 'D 10', '12'],
    ['Rue du 4 Septembre', 'Rue du 4 Septembre', undefined],
    ['12 Main Street', '12 Main Street', undefined],
    ['Quay 1 bis', 'Quay 1 bis', undefined],
    ['Quay', 'Quay', undefined],
    ['7', '7', undefined],
    ['Quay  1', 'Quay  1', undefined],
    ['Quay 1 ', 'Quay 1 ', undefined],
    [' 1', ' 1', undefined],
    ['Quay\n1', 'Quay\n1', undefined],
    [`Quay ${'1'.repeat(20)}`, 'Quay', '1'.repeat(20)],
    [`Quay ${'1'.repeat(21)}`, `Quay ${'1'.repeat(21)}`, undefined],
  ] as const)
    it(`${JSON.stringify(street)} has ${houseNumber === undefined ? 'no house number' : `number ${houseNumber}`}`, () =>
      assert.deepEqual(toPrivateAddress({ ...rest, street }), {
        ...rest,
        streetName,
        ...(houseNumber === undefined ? {} : { houseNumber }),
      }))

  it('with a separate house number is stored unchanged and published in one line', () => {
    const stored = toPrivateAddress({ ...rest, street: 'Quay', houseNumber: '1 bis' })
    assert.deepEqual(stored, { ...rest, streetName: 'Quay', houseNumber: '1 bis' })
    assert.deepEqual(toPublicAddress(stored), { ...rest, street: 'Quay 1 bis' })
    assert.deepEqual(toPrivateAddress({ ...rest, street: 'Quay 1', houseNumber: '2' }), {
      ...rest,
      streetName: 'Quay 1',
      houseNumber: '2',
    })
  })

  it('is the same only if all parts match, or the line as it is shown', () => {
    const bis = toPrivateAddress({ ...rest, street: 'Quay', houseNumber: '1 bis' })
    const one = toPrivateAddress({ ...rest, street: 'Quay 1' })
    assert.ok(isSame(bis, { ...rest, street: 'Quay', houseNumber: '1 bis' }))
    assert.ok(isSame(bis, { ...rest, street: 'Quay 1 bis' }))
    assert.ok(isSame(one, { ...rest, street: 'Quay 1' }))
    assert.ok(isSame(one, { ...rest, street: 'Quay', houseNumber: '1' }))
    assert.ok(!isSame(one, { ...rest, street: 'Quay' }))
    assert.ok(!isSame(one, { ...rest, street: 'Quay 1', houseNumber: '1' }))
    assert.ok(
      !isSame(toPrivateAddress({ ...rest, street: 'Quay 1 bis' }), { ...rest, street: 'Quay', houseNumber: '1 bis' }),
    )
    for (const field of ['name', 'postalCode', 'city', 'country'])
      assert.ok(!isSame(one, { ...rest, street: 'Quay 1', [field]: 'XX' }), field)
  })

  it('is stored without loss: the published line is the line the customer wrote', () =>
    fc.assert(
      fc.property(line, (street) => {
        const written = { ...rest, street }
        const stored = toPrivateAddress(written)
        assert.deepEqual(privateAddress.strict().parse(stored), stored)
        assert.deepEqual(toPublicAddress(stored), written)
      }),
      { numRuns: 1000 },
    ))

  it('is refused if line and number together are longer than a line may be', () => {
    const long = 'x'.repeat(195)
    assert.ok(addressInput.safeParse({ ...rest, street: long, houseNumber: '1234' }).success)
    const refused = addressInput.safeParse({ ...rest, street: long, houseNumber: '12345' })
    assert.ok(!refused.success)
    assert.deepEqual(
      refused.error.issues.map(({ path }) => path),
      [['houseNumber']],
    )
    for (const houseNumber of ['', 'x'.repeat(21), 1, null])
      assert.ok(!addressInput.safeParse({ ...rest, street: 'Quay', houseNumber }).success, JSON.stringify(houseNumber))
  })

  it('lacks its postal code only in a country without postal codes', () => {
    const { postalCode: _, ...input } = { ...rest, street: 'Quay 1' }
    for (const country of ['BE', 'IE', 'US', 'XX']) {
      const refused = addressInput.safeParse({ ...input, country })
      assert.deepEqual(
        refused.error?.issues.map(({ path, message }) => [path, message]),
        [[['postalCode'], 'is missing, and the country has postal codes']],
      )
    }
    for (const country of ['HK', 'AE', 'QA']) {
      const stored = toPrivateAddress(addressInput.parse({ ...input, country }))
      assert.deepEqual(stored, { name: 'Ada', city: 'Ghent', country, streetName: 'Quay', houseNumber: '1' })
      const shown = toPublicAddress(stored)
      assert.deepEqual(shown, { ...input, country, postalCode: '-' })
      // A client may send back what it was shown.
      for (const same of [shown, { ...input, country }]) assert.ok(isSame(stored, addressInput.parse(same)))
      assert.ok(!isSame(stored, { ...input, country, postalCode: '1000' }))
    }
  })

  it('differs by its region', () => {
    const stored = toPrivateAddress({ ...rest, street: 'Quay 1', region: 'Flanders' })
    for (const region of [{}, { region: 'Wallonia' }])
      for (const street of [{ street: 'Quay 1' }, { street: 'Quay', houseNumber: '1' }])
        assert.ok(!isSame(stored, { ...rest, ...street, ...region }))
    assert.ok(isSame(stored, { ...rest, street: 'Quay 1', region: 'Flanders' }))
  })

  it('with any separate house number fits the public schema', () =>
    fc.assert(
      fc.property(line, fc.string({ minLength: 1, maxLength: 20 }), (street, houseNumber) => {
        const checked = addressInput.safeParse({ ...rest, street, houseNumber })
        if (checked.success)
          assert.ok(address.strict().safeParse(toPublicAddress(toPrivateAddress(checked.data))).success)
        else assert.ok(street.length + houseNumber.length >= 200)
      }),
    ))
})
