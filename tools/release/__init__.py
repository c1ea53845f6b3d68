"""Makes a release of the checkout: version, changelog, wheel, images, commit and tag."""
