/** The release of CRIU whose command line, images and protocol this program speaks. */
export const CRIU_VERSION = '4.2';
/** This package's version; a style test keeps it equal to package.json's. */
export const WOODFROG_VERSION = '0.1.0';
