_base_ = './npmca-net_r50_paper_davis17.py'
# For a CPU: EfficientNet-Lite0's ImageNet features, a quarter of the widths, one scale, no union pass.
model = dict(
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(_delete_=True, type='EfficientNetLite0', out_indices=(1, 2, 3), weights='package'),
    matched_channels=64,
    # Inner products of these features let one position win everywhere.
    matching_similarity='cosine',
    matching_scale=10.0,
    decoder_channels=64,
    scales=(1.0,),
    background='product',
    shorter_side=240,
)
