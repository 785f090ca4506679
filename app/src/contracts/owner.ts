/** The one person there is until accounts come; every row carries it. */
export const soleOwner = 'owner';
