/** This package's version, as the broker says it in its OPEN. A test keeps it equal to package.json. */
export const VERSION = '0.1.0';
