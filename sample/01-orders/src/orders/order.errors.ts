// What can go wrong with an order. The policies of the consumers tell these apart.

/** The text is JSON, and no order. */
export class InvalidOrder extends Error {
  override readonly name = 'InvalidOrder';
}

/** Customs did not answer; later they may. */
export class CustomsUnavailable extends Error {
  override readonly name = 'CustomsUnavailable';
}
