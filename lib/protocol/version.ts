/** This package's version, as both sides say it in OPEN. A test keeps it equal to package.json. */
export const VERSION = '0.1.0';
