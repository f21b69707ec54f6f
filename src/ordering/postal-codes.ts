/**
 * Countries without postal codes, ISO 3166-1 alpha-2.
 *
 * Source: Google's address metadata (https://chromium-i18n.appspot.com/ssl-address), which a country's address
 * format shows: these have no postal code in it. Only those that GeoPostcodes lists too
 * (https://www.geopostcodes.com/blog/countries-without-zip-codes) are here. Both were read in November 2026.
 */
const WITHOUT_POSTAL_CODES = new Set(
  [
    'AE AG AO AW BI BJ BO BS BW BZ CF CG CI CK CM CW DJ DM ER FJ GA GD GM GQ GY HK JM KM KN',
    'MO MR PA QA RW SB SC SL SR SS ST SX SY TD TG TK TL TO TV VU YE ZW',
  ].flatMap((line) => line.split(' ')),
)

/** Whether addresses in a country have a postal code. True also for what is no country. */
export function hasPostalCodes(country: string): boolean {
  return !WITHOUT_POSTAL_CODES.has(country)
}
