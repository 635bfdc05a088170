"""How an installation is run: the command line, the embedded servers, images and manifests."""
