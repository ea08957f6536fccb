_base_ = './xmem_r50_boxes_davis17-480.py'
# Thesis tables 4.5 and 4.6, P+W+T: the first frame of each clip is given with its exact mask, prompts are masks.
supervision = dict(type='MasksToBoxes', prompt='mask')
steps = [supervision if step['type'] == 'MasksToBoxes' else step for step in _base_.steps]
davis, youtube = ({**part, 'pipeline': [part['pipeline'][0], *steps]} for part in (_base_.davis, _base_.youtube))
train_dataloader = dict(dataset=dict(datasets=[davis, youtube]))
test_dataloader = dict(dataset=dict(prompt='mask'))
