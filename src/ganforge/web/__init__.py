"""What ganforge offers in a browser and over HTTP: the studio for people, and the server for products."""
