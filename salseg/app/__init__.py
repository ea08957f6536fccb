"""The page: label images, train, look at the results and correct them, in a browser.

A server on this computer that works on the files of one folder. It reads and writes through `salseg.io`, and everything that
takes long is a child process that runs the command of the same name, so that a result is that of the command. Nothing here
imports torch.

- `workspace`: which files of the folder are what, and no way out of it.
- `labels`: scribbles and boxes as training reads them.
- `prompts`: boxes, scribbles and masks of objects in frames, as tracking reads them.
- `pixels`, `frames`: what a browser is sent of an image, a map or a frame.
- `jobs`: the child process, its progress, stop and resume.
- `commands`: the words of each command.
- `guard`: hosts, origins, token, sizes of requests.
- `server`: the routes.
"""
