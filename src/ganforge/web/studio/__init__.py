"""The studio: runs, data and reports in a browser, from a process that never imports PyTorch.

app       assembles routes and pages; serves them
routes/   the HTTP interface, a module for each page
log, runs what run directories hold; stream: what is added to them, as server-sent events
jobs      trainings and evaluations: child processes that live on without the studio
child     what needs PyTorch: schemas of recipes, the inspection of data; children: calls it
static/   the pages: ES modules, CSS and the words of each language
"""
